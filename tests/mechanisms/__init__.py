"""The tests of each mechanism, one module for one."""

"""What the library costs, beside the least that the work itself costs.

python -m tests.bench
"""

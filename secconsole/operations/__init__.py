"""The contract: every thing that can be asked for is one small message, declared here and nowhere else."""

"""Many runs: suites, their queue, tables, ensembles and plots."""

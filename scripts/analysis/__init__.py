"""Analysis of trained networks: tables, averages over seeds, power laws, claims."""

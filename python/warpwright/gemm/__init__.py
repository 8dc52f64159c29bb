"""Matrix products, quantised."""

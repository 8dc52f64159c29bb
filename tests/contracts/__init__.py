"""What is asked of every operator, from its contract alone: no operator is known by name here."""

"""From pictures with known boxes to a model folder that `recognition` can serve."""

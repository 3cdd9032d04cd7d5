"""What hardware is and costs: one YAML file a target."""

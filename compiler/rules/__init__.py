"""Update rules: how an array's gradient factors become tile operations."""

"""From measured pulse trains to a `device:` block: device models fitted, with uncertainties, compared and drawn."""

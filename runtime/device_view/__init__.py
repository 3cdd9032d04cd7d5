"""What the devices of a target do under pulses: measured on the machine's own arrays, as numbers and as a picture."""

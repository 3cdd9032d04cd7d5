"""A chip, a device, a placer and a pass, none of which ohmflow knows."""

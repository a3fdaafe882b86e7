"""What runs inside the sandbox. Nothing here is believed by the judge."""

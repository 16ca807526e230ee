"""From what photos say of place and posture to a model's frame: metres, east, north and up."""

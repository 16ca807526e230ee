"""What every part of recon may know; imports numpy and pluggy only."""

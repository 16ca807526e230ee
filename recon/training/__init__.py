"""What `recon train` does: new networks, distilled ones, tuned ones, and recipes of several stages."""

"""Training, distilling and tuning of networks that plugins offer (torch)."""

"""report.html: one self-contained page that shows what became of a photo set, and why."""

"""What has become of the champion on rows that it has not seen."""

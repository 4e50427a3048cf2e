"""What a pulled copy says, as the report, the export and the replay read it: entries, records, periods, texts."""

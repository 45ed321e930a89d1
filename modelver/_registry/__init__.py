"""The desk: speaks names, refs and versions, and alone knows the rooms below."""

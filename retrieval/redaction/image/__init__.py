"""What is looked for in pictures: written text, faces, QR and bar codes, licence plates."""

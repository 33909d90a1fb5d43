package weights

// Ahead is what the stream of NewReader may be besides: one that decodes what is compressed by itself, before it is read, on
// another thread, and computes checksums, which are compared with the file's as ever.
type Ahead interface {
	// Decode says what follows what has been read of the file. Read then gives each piece with Plain bytes uncompressed, and
	// their CRC-32C behind them, 4 bytes, little-endian; the others, and after the last one the rest of the file, as they are.
	// A frame that can't be decoded may become anything of this length. It reports whether Read will do so.
	Decode([]Piece) bool
}

// Piece is what Stored bytes of a file become: Plain bytes, by Zstandard, or where Plain is 0 the same ones.
type Piece struct{ Stored, Plain uint32 }

// stored lists the pieces of the tensors that are not read yet.
func (d *Reader) stored() []Piece {
	var all []Piece
	at := d.read
	for i := d.next; i < len(d.header.Tensors); i++ {
		t := &d.header.Tensors[i]
		if t.offset > at {
			all = append(all, Piece{Stored: uint32(t.offset - at)})
		}
		for j, k := range t.chunks {
			p := Piece{Stored: uint32(k.length)}
			if !k.raw {
				p.Plain = uint32(t.chunkBytes(j))
			}
			all = append(all, p)
		}
		at = t.offset + t.Stored
	}
	return all
}

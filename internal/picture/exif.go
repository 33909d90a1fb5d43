package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation is how a picture is to be turned, by its EXIF data: 1 to 8; 1 where it does
// not say (EXIF 2.32, 4.6.5.1: tag 0x0112).
func orientation(b []byte) int {
	var exif []byte
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8")):
		exif = jpegEXIF(b)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		exif = chunk(b[8:], "eXIf", binary.BigEndian, true)
	case len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		exif = chunk(b[12:], "EXIF", binary.LittleEndian, false)
	}
	return tiffOrientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// jpegEXIF is the EXIF data in a JPEG file's segment APP1.
func jpegEXIF(b []byte) []byte {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		kind, n := b[at+1], int(binary.BigEndian.Uint16(b[at+2:]))
		switch {
		case kind == 0xff: // padding
			at++
			continue
		case kind == 0xda || n < 2 || at+2+n > len(b): // the pixels begin
			return nil
		}
		if data := b[at+4 : at+2+n]; kind == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00\x00")) {
			return data
		}
		at += 2 + n
	}
	return nil
}

// chunk finds a PNG's chunk, whose length comes first and a checksum last, or a RIFF's,
// whose name comes first and which is padded to an even length.
func chunk(b []byte, name string, order binary.ByteOrder, png bool) []byte {
	for len(b) >= 8 {
		kind, size := string(b[:4]), order.Uint32(b[4:])
		after := uint64(size) + uint64(size&1)
		if png {
			kind, size = string(b[4:8]), order.Uint32(b)
			after = uint64(size) + 4
		}
		b = b[8:]
		if uint64(size) > uint64(len(b)) {
			return nil
		}
		if kind == name {
			return b[:size]
		}
		b = b[min(after, uint64(len(b))):]
	}
	return nil
}

// tiffOrientation reads the tag in EXIF data's first directory.
func tiffOrientation(b []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(b) < 8 {
		return 1
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	n := uint64(order.Uint16(b[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > uint64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == 0x0112 && order.Uint16(b[e+2:]) == 3 {
			if o := int(order.Uint16(b[e+8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
	}
	return 1
}

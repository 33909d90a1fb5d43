package pngfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"

	"dit8/core"
)

// frameDelay is how long a frame shows, in hundredths of a second; the last one
// stays longer, before the animation starts again.
const (
	frameDelay = 8
	lastDelay  = 80
)

// WriteAnimation writes frames of one size as an animated PNG (PNG, third edition,
// W3C, 11.3.6), which programs that know none show as the first frame. meta says
// how that was made.
func WriteAnimation(w io.Writer, frames []*image.NRGBA, meta core.Metadata) error {
	if len(frames) == 0 {
		return errors.New("pngfile: an animation without frames")
	}
	text, err := metadataChunk(meta)
	if err != nil {
		return err
	}
	big := binary.BigEndian
	size := frames[0].Rect.Size()
	sequence := uint32(0)
	for i, f := range frames {
		if f.Rect.Size() != size {
			return errors.New("pngfile: frames of different sizes")
		}
		var buf bytes.Buffer
		if err := png.Encode(&buf, f); err != nil {
			return err
		}
		b := buf.Bytes()
		if i == 0 {
			control := big.AppendUint32(big.AppendUint32(nil, uint32(len(frames))), 0) // 0: for ever
			if err := write(w, b[:header], text, chunk("acTL", control)); err != nil {
				return err
			}
		}
		delay := uint16(frameDelay)
		if i == len(frames)-1 {
			delay = lastDelay
		}
		c := big.AppendUint32(nil, sequence)
		c = big.AppendUint32(big.AppendUint32(c, uint32(size.X)), uint32(size.Y))
		c = append(c, make([]byte, 8)...)                     // at 0, 0
		c = big.AppendUint16(big.AppendUint16(c, delay), 100) // hundredths of a second
		c = append(c, 0, 0)                                   // replace the frame before
		sequence++
		if err := write(w, chunk("fcTL", c)); err != nil {
			return err
		}
		for rest := b[header:]; len(rest) > 0; {
			n := big.Uint32(rest)
			if kind, data := string(rest[4:8]), rest[8:8+n]; kind == "IDAT" {
				out := chunk(kind, data)
				if i > 0 {
					out = chunk("fdAT", append(big.AppendUint32(nil, sequence), data...))
					sequence++
				}
				if err := write(w, out); err != nil {
					return err
				}
			}
			rest = rest[12+n:]
		}
	}
	return write(w, chunk("IEND", nil))
}

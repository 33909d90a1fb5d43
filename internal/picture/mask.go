package picture

import "fmt"

// threshold is the brightness from which a mask of several levels is painted.
const threshold = 128

// Mask says which pixels of size×size are to be painted anew, 255 or 0 a pixel, and how
// that was told. In a mask with transparent parts these are painted (OpenAI's convention);
// of two levels of grey the brighter one is painted; of several, those from 128 on.
func (p *Picture) Mask(size int, fit Fit) (mask []byte, note string, err error) {
	paint, note, err := p.painted()
	if err != nil {
		return nil, "", err
	}
	count := 0
	for _, v := range p.fitted(paint, 1, size, fit, 0) {
		b := byte(0)
		if v >= 0x8000 {
			b = 255
			count++
		}
		mask = append(mask, b)
	}
	if count == 0 {
		return nil, "", fmt.Errorf("the mask has nothing to paint once it is scaled from %d×%d to %d×%[3]d", p.Width, p.Height, size)
	}
	return mask, fmt.Sprintf("%s: %d of %d pixels", note, count, size*size), nil
}

// painted gives 0xffff for a pixel to be painted.
func (p *Picture) painted() (paint []uint16, note string, err error) {
	if p.Transparent() {
		for i := 3; i < len(p.pix); i += 4 {
			paint = append(paint, full(p.pix[i] < 0x8000))
		}
		return paint, "what is transparent is painted anew", nil
	}
	var levels [256]bool
	var grey []int
	for i := 0; i < len(p.pix); i += 4 {
		r, g, b := uint64(p.pix[i]), uint64(p.pix[i+1]), uint64(p.pix[i+2])
		v := int((299*r + 587*g + 114*b + 500*257) / (1000 * 257)) // core.Luma of 16 bits
		levels[min(v, 255)] = true
		grey = append(grey, min(v, 255))
	}
	low, high, n := -1, 0, 0
	for v, there := range levels {
		if there {
			if low < 0 {
				low = v
			}
			high = v
			n++
		}
	}
	from := threshold
	note = fmt.Sprintf("what has a brightness from %d on is painted anew", threshold)
	if n == 2 {
		from = high
		note = fmt.Sprintf("of the two levels %d and %d the brighter one is painted anew", low, high)
	}
	if high < from {
		return nil, "", fmt.Errorf("the mask has nothing to paint: brightnesses of %d to %d, what is painted anew has %d or more, or is transparent", low, high, threshold)
	}
	for _, v := range grey {
		paint = append(paint, full(v >= from))
	}
	return paint, note, nil
}

func full(is bool) uint16 {
	if is {
		return 0xffff
	}
	return 0
}

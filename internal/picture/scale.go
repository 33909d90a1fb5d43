package picture

// fitted scales channels of p's pixels to size×size; fill is what bars are made of.
func (p *Picture) fitted(pix []uint16, channels, size int, fit Fit, fill uint16) []uint16 {
	w, h := p.Width, p.Height
	switch fit.Or() {
	case Cover:
		side := min(w, h)
		left, top := (w-side)/2, (h-side)/2
		square := make([]uint16, 0, channels*side*side)
		for y := range side {
			at := channels * ((top+y)*w + left)
			square = append(square, pix[at:at+channels*side]...)
		}
		return scale(square, channels, side, side, size, size)
	case Contain:
		long := max(w, h)
		tw, th := max(1, (w*size+long/2)/long), max(1, (h*size+long/2)/long)
		inner := scale(pix, channels, w, h, tw, th)
		out := make([]uint16, channels*size*size)
		for i := range out {
			out[i] = fill
		}
		for y := range th {
			at := channels * (((size-th)/2+y)*size + (size-tw)/2)
			copy(out[at:], inner[channels*y*tw:channels*(y+1)*tw])
		}
		return out
	}
	return scale(pix, channels, w, h, size, size)
}

// scale scales w×h pixels to tw×th, one direction after the other.
func scale(pix []uint16, channels, w, h, tw, th int) []uint16 {
	across := make([]uint16, channels*tw*h)
	for y := range h {
		line(across[channels*y*tw:], pix[channels*y*w:], channels, channels, w, tw)
	}
	out := make([]uint16, channels*tw*th)
	for x := range tw {
		line(out[channels*x:], across[channels*x:], channels, channels*tw, h, th)
	}
	return out
}

// line scales n pixels that lie step apart to tn: by the mean of those that a new pixel
// covers, or, where there are to be more, by their distance to the two nearest.
func line(to, from []uint16, channels, step, n, tn int) {
	for i := range tn {
		for c := range channels {
			var sum, weights uint64
			add := func(k int, weight int64) {
				if weight > 0 {
					sum += uint64(weight) * uint64(from[c+step*min(max(k, 0), n-1)])
					weights += uint64(weight)
				}
			}
			if tn <= n {
				begin, end := int64(i)*int64(n), int64(i+1)*int64(n) // in 1/tn pixels
				for k := begin / int64(tn); k*int64(tn) < end; k++ {
					add(int(k), min(end, (k+1)*int64(tn))-max(begin, k*int64(tn)))
				}
			} else {
				centre := int64(2*i+1)*int64(n) - int64(tn) // of pixel 0's centre, in 1/(2 tn)
				unit := 2 * int64(tn)
				k := (centre+unit)/unit - 1 // rounded down
				part := centre - k*unit
				add(int(k), unit-part)
				add(int(k)+1, part)
			}
			to[c+step*i] = uint16((sum + weights/2) / weights)
		}
	}
}

package picture

import "dit8/core"

// Side is the width and height of an edit's picture, where images have size pixels a side.
func Side(e *core.Edit, size int) int {
	if e.Task == core.EditUpscale && e.Factor > 0 {
		return max(1, size/e.Factor)
	}
	return size
}

// Into puts the picture into an edit, at side×side pixels: in colours, or in grey for an
// edit that is to find them.
func (p *Picture) Into(e *core.Edit, side int, fit Fit) {
	e.Width, e.Image = side, p.RGB(side, fit)
	if e.Task != core.EditColorize {
		return
	}
	rgb := e.Image
	e.Image = make([]byte, 0, side*side)
	for i := 0; i < len(rgb); i += 3 {
		e.Image = append(e.Image, core.Luma(rgb[i], rgb[i+1], rgb[i+2]))
	}
}

package main

import (
	"image"
	"slices"

	"github.com/ebitenui/ebitenui/widget"
	"github.com/hajimehoshi/ebiten/v2"
)

// menu is the list that a choice has open.
type menu struct {
	of     *widget.Button
	rows   []*widget.Button
	at     int // the chosen row
	choose func(i int)
}

// text is the chosen row's.
func (m *menu) text() string {
	if m == nil {
		return ""
	}
	return m.rows[m.at].Text().Label
}

// choice is a button that opens a list.
type choice struct {
	*widget.Button
	open func()
}

// openFocused opens the list of the button that has the keys, if that is a choice.
func (v *view) openFocused() bool {
	for _, c := range append(v.form.choices, v.live.choices...) {
		if c.IsFocused() {
			c.open()
			return true
		}
	}
	return false
}

// down marks a button that opens a list.
const down = "  ▼"

// choice is a button that shows one of names, and opens a list of them.
func (p *panel) choice(v *view, names []string, value func() string, set func(string)) *widget.Button {
	index := func() int { return max(0, slices.Index(names, value())) }
	var b *widget.Button
	open := func() { v.openMenu(b, names, index(), func(i int) { set(names[i]) }) }
	b = v.theme.newButton(names[index()]+down, open, widget.ButtonOpts.DisableDefaultKeys()) // which act on a key's release, Ctrl's or not
	p.choices = append(p.choices, choice{b, open})
	p.syncing(func() { setButton(b, names[index()]+down, v.theme.button) })
	return b
}

// openMenu opens a list below a button, or above it where there is no room below.
func (v *view) openMenu(of *widget.Button, names []string, at int, choose func(int)) {
	v.closeDialog()
	t := v.theme
	m := &menu{of: of, choose: choose}
	var rows []widget.PreferredSizeLocateableWidget
	for i, name := range names {
		b := t.newButton(name, func() { v.chooseListed(i) }, widget.ButtonOpts.Image(t.row), widget.ButtonOpts.DisableDefaultKeys(),
			widget.ButtonOpts.TextPosition(widget.TextPositionStart, widget.TextPositionCenter), widget.ButtonOpts.TextPadding(t.insets(10, 5)))
		m.rows, rows = append(m.rows, b), append(rows, b)
	}
	root := widget.NewContainer(
		widget.ContainerOpts.BackgroundImage(t.box),
		widget.ContainerOpts.Layout(widget.NewRowLayout(widget.RowLayoutOpts.Direction(widget.DirectionVertical), widget.RowLayoutOpts.Padding(t.insets(3, 3)))))
	root.AddChild(t.column(0, rows...))
	w, h := root.PreferredSize()
	screen, under := v.root.GetWidget().Rect, of.GetWidget().Rect
	size := image.Pt(max(w, under.Dx()), h)
	place := image.Pt(max(screen.Min.X, min(under.Min.X, screen.Max.X-size.X)), under.Max.Y+t.px(2))
	if place.Y+size.Y > screen.Max.Y {
		place.Y = max(screen.Min.Y, under.Min.Y-t.px(2)-size.Y)
	}
	v.show(root, image.Rectangle{Max: size}.Add(place))
	v.menu = m
	m.move(at)
}

// move chooses the row that is by places further.
func (m *menu) move(by int) {
	m.at = max(0, min(m.at+by, len(m.rows)-1))
}

// sync shows which row is chosen.
func (m *menu) sync(t *theme) {
	for i, b := range m.rows {
		img := t.row
		if i == m.at {
			img = t.rowPicked
		}
		setButton(b, b.Text().Label, img)
	}
}

// chooseListed takes a row of the open list.
func (v *view) chooseListed(i int) {
	m := v.menu
	v.closeMenu()
	m.choose(i)
}

// closeMenu closes the open list, and gives the keys back to its button.
func (v *view) closeMenu() {
	of := v.menu.of
	v.closeDialog()
	v.focus(of)
}

// menuKeys does what keys do while a list is open.
func (v *view) menuKeys(enter, escape bool) {
	m := v.menu
	switch {
	case escape:
		v.closeMenu()
	case enter:
		v.chooseListed(m.at)
	case repeating(ebiten.KeyDown):
		m.move(1)
	case repeating(ebiten.KeyUp):
		m.move(-1)
	case repeating(ebiten.KeyHome):
		m.move(-len(m.rows))
	case repeating(ebiten.KeyEnd):
		m.move(len(m.rows))
	}
}

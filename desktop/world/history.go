package world

// MaxHistory bounds the pictures that are kept.
const MaxHistory = 32

// remember puts a finished picture at the front of the history.
func (w *World) remember(p *Picture) {
	w.history = append([]*Picture{p}, w.history[:min(len(w.history), MaxHistory-1)]...)
}

// History is the finished pictures, the newest first.
func (w *World) History() []*Picture { return w.history }

// Recall shows a picture of the history again and fills the form with its request.
func (w *World) Recall(i int) {
	if i < 0 || i >= len(w.history) {
		return
	}
	p := w.history[i]
	if err := w.SetRequest(p.Metadata.Request); err != nil {
		w.complain("%v", err)
		return
	}
	w.engine.cancel()
	for _, j := range []*job{w.last, w.making} {
		if j != nil {
			j.dropped = true
		}
	}
	w.making = nil
	w.picture, w.inspect, w.message = p, nil, Message{}
}

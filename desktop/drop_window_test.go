//go:build window

package main

import (
	"encoding/binary"
	"image"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// source is a client of the X server that drops files, of which xdotool knows nothing: the
// few requests that XDND takes (freedesktop.org, version 5).
type source struct {
	t      testing.TB
	conn   net.Conn
	window uint32
	atoms  map[string]uint32
}

var le = binary.LittleEndian

func words(v ...uint32) (b []byte) {
	for _, x := range v {
		b = le.AppendUint32(b, x)
	}
	return b
}

// request sends one: its code, a byte, and what follows its length.
func (s *source) request(code, detail byte, body []byte) {
	s.t.Helper()
	body = append(body, make([]byte, -len(body)&3)...)
	head := le.AppendUint16([]byte{code, detail}, uint16(1+len(body)/4))
	if _, err := s.conn.Write(append(head, body...)); err != nil {
		s.t.Fatal(err)
	}
}

// next is the next event or reply.
func (s *source) next() []byte {
	s.t.Helper()
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.conn, b); err != nil {
		s.t.Fatal("from the X server: ", err)
	}
	if b[0] == 0 {
		s.t.Fatalf("the X server refuses: error %d of request %d", b[1], b[10])
	}
	return b
}

func newSource(t testing.TB, display string) *source {
	t.Helper()
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(display, ":"))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	s := &source{t: t, conn: conn, atoms: make(map[string]uint32)}
	conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != 1 {
		t.Fatalf("the X server answers %v, %v", head, err)
	}
	setup := make([]byte, 4*int(le.Uint16(head[6:])))
	if _, err := io.ReadFull(conn, setup); err != nil {
		t.Fatal(err)
	}
	vendor := (int(le.Uint16(setup[16:])) + 3) &^ 3
	root := le.Uint32(setup[32+vendor+8*int(setup[21]):])
	s.window = le.Uint32(setup[4:])
	s.request(1, 0, append(words(s.window, root), append([]byte{0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, words(0, 0)...)...)) // CreateWindow
	for _, name := range []string{"XdndEnter", "XdndPosition", "XdndStatus", "XdndDrop", "XdndFinished", "XdndSelection", "XdndActionCopy", "text/uri-list"} {
		s.request(16, 0, append(le.AppendUint16(le.AppendUint16(nil, uint16(len(name))), 0), name...)) // InternAtom
		s.atoms[name] = le.Uint32(s.next()[8:])
	}
	return s
}

// send sends an event to a window.
func (s *source) send(to uint32, event []byte) {
	s.request(25, 0, append(words(to, 0), append(event, make([]byte, 32-len(event))...)...))
}

func (s *source) message(to uint32, name string, data ...uint32) {
	s.send(to, append([]byte{33, 32, 0, 0}, append(words(to, s.atoms[name]), words(data...)...)...))
}

// await answers requests for the files until a message comes.
func (s *source) await(name, uris string) {
	s.t.Helper()
	for {
		e := s.next()
		switch e[0] & 0x7f {
		case 30: // SelectionRequest
			requestor, selection, target, property := le.Uint32(e[12:]), le.Uint32(e[16:]), le.Uint32(e[20:]), le.Uint32(e[24:])
			s.request(18, 0, append(words(requestor, property, target, 8, uint32(len(uris))), uris...)) // ChangeProperty
			s.send(requestor, append([]byte{31, 0, 0, 0}, words(le.Uint32(e[4:]), requestor, selection, target, property)...))
		case 33: // ClientMessage
			if le.Uint32(e[8:]) == s.atoms[name] {
				return
			}
		}
	}
}

// drop drops files on a point of the program's window.
func (p *program) drop(at image.Point, paths ...string) {
	p.t.Helper()
	s := newSource(p.t, p.display)
	defer s.conn.Close()
	id, err := strconv.ParseUint(p.window, 10, 32)
	if err != nil {
		p.t.Fatal(err)
	}
	to, uris := uint32(id), "file://"+strings.Join(paths, "\r\nfile://")+"\r\n"
	at = at.Add(p.origin)
	s.request(22, 0, words(s.window, s.atoms["XdndSelection"], 0)) // SetSelectionOwner
	s.message(to, "XdndEnter", s.window, 5<<24, s.atoms["text/uri-list"], 0, 0)
	s.message(to, "XdndPosition", s.window, 0, uint32(at.X)<<16|uint32(at.Y), 0, s.atoms["XdndActionCopy"])
	s.await("XdndStatus", uris)
	s.message(to, "XdndDrop", s.window, 0, 0, 0, 0)
	s.await("XdndFinished", uris)
}

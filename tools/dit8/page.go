//go:build release

package main

import (
	"embed"
	"io/fs"
)

// make release puts the built page here, without the model, which the program has anyway.
//
//go:embed all:page
var files embed.FS

var page = func() fs.FS {
	sub, err := fs.Sub(files, "page")
	if err != nil { // the name is a valid one
		panic(err)
	}
	return sub
}()

//go:build !release

package main

import "io/fs"

var page fs.FS // no page: "make web" and -dir give one

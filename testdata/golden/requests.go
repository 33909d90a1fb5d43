// Package golden holds the golden requests to the default model, for programs that try others.
package golden

import "embed"

// Requests are files of requests and the SHA-256 of their pixels.
//
//go:embed pixels.json options.json
var Requests embed.FS

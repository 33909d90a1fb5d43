// Package api is the HTTP API of dit8: one http.Handler that the edge worker and
// the native server share. It answers like OpenAI's images API where that has a
// word for it, and has a deterministic image for each URL besides:
//
//	POST /v1/images/generations   images, or a stream of server-sent events
//	GET  /v1/images               a PNG that its URL describes
//	GET  /v1/models, /v1/models/{id}
//	GET  /healthz
//	GET  /openapi.json            all of this for programs
//
// Every error is OpenAI's JSON shape and names the field it is about.
package api

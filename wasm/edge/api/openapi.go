package api

import (
	_ "embed" // the document
	"encoding/json"
	"net/http"
)

//go:embed openapi.json
var openapi []byte

// document answers GET /openapi.json: the committed document with this server's
// limits.
func (h *Handler) document(w http.ResponseWriter, r *http.Request) error {
	var doc map[string]any
	if err := json.Unmarshal(openapi, &doc); err != nil {
		return err
	}
	properties := at(doc, "components", "schemas", "ImagesRequest", "properties")
	at(properties, "steps")["maximum"] = h.config.Steps
	at(properties, "n")["maximum"] = h.config.Count
	if len(h.tokens) > 0 {
		for _, path := range doc["paths"].(map[string]any) {
			for _, operation := range path.(map[string]any) {
				if o := operation.(map[string]any); o["security"] != nil {
					o["security"] = []any{map[string]any{"bearer": []any{}}}
				}
			}
		}
	}
	writeJSON(w, r, http.StatusOK, doc)
	return nil
}

// at is the object that lies at a path of names in doc.
func at(doc map[string]any, path ...string) map[string]any {
	for _, name := range path {
		doc = doc[name].(map[string]any)
	}
	return doc
}

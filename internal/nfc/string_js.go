package nfc

import (
	"strings"
	"syscall/js"
)

// String is s in normal form C.
func String(s string) string {
	return js.Global().Get("Object").Invoke(strings.ToValidUTF8(s, "\ufffd")).Call("normalize", "NFC").String()
}

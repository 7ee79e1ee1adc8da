package openapi_test

import (
	"encoding/binary"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/permcheck/permcheck/catalogs/openapi"
)

// A document in UTF-16, and references in which the names of files are percent-encoded.
func TestEncodings(t *testing.T) {
	text := "openapi: 3.1.0\npaths:\n  /a: {$ref: 'my%20paths/b%23ins.yaml'}\n  /ü: {get: {}}\n"
	files := fstest.MapFS{"my paths/b#ins.yaml": {Data: []byte("get: {security: []}")}}
	inUTF16 := func(order binary.AppendByteOrder, mark []byte) []byte {
		out := mark
		for _, u := range utf16.Encode([]rune(text)) {
			out = order.AppendUint16(out, u)
		}
		return out
	}
	for name, data := range map[string][]byte{
		"UTF-8":      []byte(text),
		"UTF-8 BOM":  append([]byte("\xef\xbb\xbf"), text...),
		"UTF-16 big": inUTF16(binary.BigEndian, []byte{0xfe, 0xff}), "UTF-16 little": inUTF16(binary.LittleEndian, []byte{0xff, 0xfe}),
	} {
		d, err := openapi.Parse("doc.yaml", data, openapi.Options{Files: files})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(d.Operations) != 2 || len(d.Problems) != 0 || d.Operations[0].Path != "/a" || d.Operations[1].Path != "/ü" {
			t.Errorf("%s: %+v, problems %v", name, d.Operations, d.Problems)
		}
	}
}

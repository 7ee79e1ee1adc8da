package reference

import (
	"encoding/json"
	"slices"
	"strconv"
)

// encoded is JSON that was written already.
type encoded []byte

// encode writes JSON as encoding/json does. What the server answers can always be written.
func encode(v any) []byte {
	return appendJSON(make([]byte, 0, 512), v)
}

// appendJSON writes the kinds that objects are made of by itself, since these are most of what
// the server does, and leaves all others to encoding/json.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case encoded:
		return append(b, v...)
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case string:
		return appendText(b, v)
	case object:
		return appendMembers(b, v)
	case map[string]any:
		return appendMembers(b, v)
	case []object:
		if v != nil {
			b = append(b, '[')
			for i, o := range v {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendJSON(b, o)
			}
			return append(b, ']')
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return append(b, `"cannot be written"`...)
	}
	return append(b, data...)
}

func appendMembers(b []byte, o map[string]any) []byte {
	if o == nil {
		return append(b, "null"...)
	}
	var room [16]string
	names := room[:0]
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		b = appendJSON(b, o[name])
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			data, err := json.Marshal(s)
			if err != nil { // a text can always be written
				return append(b, `""`...)
			}
			return append(b, data...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Most exchanges of a run are answered alike: the plain request of a row is compared with each
// of its detours, and a server refuses everything with the same few words. So the digests of
// bodies, and the headers, stand once in a report, and exchanges name them by their place.

// evidenceTable is what exchanges were answered, each once, in the order of the report.
type evidenceTable struct {
	Bodies  []Digest            `json:"bodies"`
	Headers []map[string]string `json:"headers"`

	at map[string]int // JSON text, after a letter for its kind, to its place
}

// A jsonRecord is a [Record] whose exchanges name their answers.
type jsonRecord struct {
	Record
	Exchanges []jsonExchange `json:"exchanges,omitempty"`
	Again     []jsonRecord   `json:"again,omitempty"`
}

type jsonExchange struct {
	Exchange
	Answered int `json:"answered"` // in the table's Headers
	Body     int `json:"body"`     // in its Bodies
}

// add returns the record as it is written, and takes up what it was answered.
func (t *evidenceTable) add(rec *Record) (*jsonRecord, error) {
	out := &jsonRecord{Record: *rec}
	for _, x := range rec.Exchanges {
		body, err := place(t, "b", &t.Bodies, x.Body)
		if err != nil {
			return nil, err
		}
		header, err := place(t, "h", &t.Headers, x.Answered)
		if err != nil {
			return nil, err
		}
		out.Exchanges = append(out.Exchanges, jsonExchange{x, header, body})
	}
	for i := range rec.Again {
		again, err := t.add(&rec.Again[i])
		if err != nil {
			return nil, err
		}
		out.Again = append(out.Again, *again)
	}
	return out, nil
}

// place finds the place of a value in a list of the table, or puts it there.
func place[V any](t *evidenceTable, kind string, list *[]V, v V) (int, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	if t.at == nil {
		t.at = map[string]int{}
	}
	at, ok := t.at[kind+string(text)]
	if !ok {
		at = len(*list)
		t.at[kind+string(text)] = at
		*list = append(*list, v)
	}
	return at, nil
}

// read is the record that was written.
func (t *evidenceTable) read(rec *jsonRecord) (Record, error) {
	out := rec.Record
	out.Exchanges, out.Again = nil, nil
	for _, x := range rec.Exchanges {
		if x.Body < 0 || x.Body >= len(t.Bodies) || x.Answered < 0 || x.Answered >= len(t.Headers) {
			return out, fmt.Errorf("an exchange names body %d and headers %d, of which there are %d and %d", x.Body, x.Answered, len(t.Bodies), len(t.Headers))
		}
		x.Exchange.Body, x.Exchange.Answered = t.Bodies[x.Body], t.Headers[x.Answered]
		out.Exchanges = append(out.Exchanges, x.Exchange)
	}
	for i := range rec.Again {
		again, err := t.read(&rec.Again[i])
		if err != nil {
			return out, err
		}
		out.Again = append(out.Again, again)
	}
	return out, nil
}

// lineDepth is how deep a document is broken into lines: what stands in one of its lists, such
// as a probe, has a line of its own, which a search finds whole.
const lineDepth = 2

// writeLines writes a JSON document, which is given without spaces, in lines.
func writeLines(w io.Writer, compact []byte) error {
	var out bytes.Buffer
	out.Grow(len(compact) + len(compact)/8)
	depth, text := 0, false
	newline := func() {
		if depth <= lineDepth {
			out.WriteByte('\n')
			for range depth {
				out.WriteString("  ")
			}
		}
	}
	for i := 0; i < len(compact); i++ {
		b := compact[i]
		if text {
			out.WriteByte(b)
			switch b {
			case '\\':
				i++
				out.WriteByte(compact[i])
			case '"':
				text = false
			}
			continue
		}
		switch b {
		case '"':
			text = true
			out.WriteByte(b)
		case '{', '[':
			out.WriteByte(b)
			depth++
			if next := compact[i+1]; next == '}' || next == ']' {
				i++
				out.WriteByte(next)
				depth--
			} else {
				newline()
			}
		case '}', ']':
			depth--
			if depth < lineDepth {
				newline()
			}
			out.WriteByte(b)
		case ',':
			out.WriteByte(b)
			newline()
			if depth > lineDepth {
				out.WriteByte(' ')
			}
		case ':':
			out.WriteString(": ")
		default:
			out.WriteByte(b)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

package reference

import (
	"testing"
)

// Whatever is asked for, the parser answers, and within its bounds.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=3&cursor=cm93czox&q=A", "filter[a][b]=1&filter[c]=2", "sort=-a,b.c&fields=a,,b&include=x&ids=1,2", "filter[]=&filter[a=1", "limit=-0", "%", "a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			return
		}
		if q.limit < 0 || q.limit > maxLimit || q.offset < 0 || len(q.filters) > maxTerms || len(q.sorts) > maxTerms ||
			len(q.fields) > maxTerms || len(q.include) > maxTerms || len(q.ids) > maxLimit {
			t.Fatalf("%q is out of bounds: %+v", raw, q)
		}
		for _, flt := range q.filters {
			if flt.field == "" {
				t.Fatalf("%q has a filter without a field", raw)
			}
		}
		if n, ok := readCursor(writeCursor(q.offset)); !ok || n != q.offset {
			t.Fatalf("cursor %d is read as %d", q.offset, n)
		}
	})
}

package reference

import (
	"encoding/json"
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

// The encoder writes what encoding/json writes.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{`{"b":[1,null,true,{"a":"<&>\u2028\\"}],"a":{"x":1.5}}`, `"\ud800"`, `{}`, `[]`, `null`, `{"":{"":[[]]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if json.Unmarshal(data, &v) != nil {
			return
		}
		for _, v := range []any{v, object{"data": []object{{"v": v}, nil}, "total": 3, "next": nil}, []object{}, []object(nil), encoded(`{"x":1}`)} {
			want, err := json.Marshal(v)
			if raw, ok := v.(encoded); ok {
				want, err = raw, nil
			}
			if got := encode(v); err != nil || string(got) != string(want) {
				t.Fatalf("%v is written %s, want %s", v, got, want)
			}
		}
	})
}

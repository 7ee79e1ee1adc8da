package catalogs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"reflect"
	"slices"
)

// Hash identifies what the catalog says, whatever file says it: two catalogs with the same
// content, comments and places aside, have the same hash. It tells whether a report is about
// this catalog; it is no checksum of a file.
func (c *Catalog) Hash() string {
	h := sha256.New()
	h.Write([]byte("permcheck catalog 1\n"))
	content := *c
	content.File = ""
	hashValue(h, reflect.ValueOf(content))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// hashValue writes a value so that different values give different bytes. Texts are what
// types with a String method say; places are left out.
func hashValue(h hash.Hash, v reflect.Value) {
	if v.Type() == reflect.TypeFor[Pos]() {
		return
	}
	if s, ok := v.Interface().(fmt.Stringer); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		fmt.Fprintf(h, "%q;", s.String())
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			h.Write([]byte("nil;"))
			return
		}
		hashValue(h, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fmt.Fprintf(h, "%s=", f.Name)
				hashValue(h, v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprintf(h, "[%d ", v.Len())
		for i := range v.Len() {
			hashValue(h, v.Index(i))
		}
	case reflect.Map:
		byText := map[string]reflect.Value{}
		for it := v.MapRange(); it.Next(); {
			byText[fmt.Sprint(it.Key().Interface())] = it.Value()
		}
		fmt.Fprintf(h, "{%d ", len(byText))
		for _, k := range slices.Sorted(maps.Keys(byText)) {
			fmt.Fprintf(h, "%q:", k)
			hashValue(h, byText[k])
		}
	default:
		fmt.Fprintf(h, "%q;", fmt.Sprint(v.Interface()))
	}
}

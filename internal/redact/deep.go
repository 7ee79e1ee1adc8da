package redact

import "reflect"

// Deep returns a copy of a value in which every long secret is replaced in every text and every
// name of a map, at any depth, as [Set.Sentence] does it. What holds no secret is shared with the
// value that was given. Names of fields are the program's own and stay. The value must not
// refer to itself.
func Deep[T any](s *Set, v T) T {
	if s == nil {
		return v
	}
	if out, changed := s.deep(reflect.ValueOf(&v).Elem()); changed {
		return out.Interface().(T)
	}
	return v
}

// deep is a value without secrets, and whether that is another one than was given.
func (s *Set) deep(v reflect.Value) (out reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.String:
		text := v.String()
		clean := s.Sentence(text)
		if clean == text {
			return v, false
		}
		out = reflect.New(v.Type()).Elem()
		out.SetString(clean)
		return out, true
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		elem, changed := s.deep(v.Elem())
		if !changed {
			return v, false
		}
		out = reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Interface {
			out.Set(elem)
			return out, true
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(elem)
		return out, true
	case reflect.Struct:
		return s.deepParts(v, v.NumField(), reflect.Value.Field)
	case reflect.Array:
		return s.deepParts(v, v.Len(), reflect.Value.Index)
	case reflect.Slice:
		if !holdsText(v.Type().Elem().Kind()) {
			return v, false
		}
		return s.deepParts(v, v.Len(), reflect.Value.Index)
	case reflect.Map:
		return s.deepMap(v)
	}
	return v, false
}

// holdsText reports whether values of a kind may hold text.
func holdsText(k reflect.Kind) bool {
	switch k {
	case reflect.String, reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

// deepParts is a struct, array or slice without secrets. Fields that are not exported stay.
func (s *Set) deepParts(v reflect.Value, n int, part func(reflect.Value, int) reflect.Value) (out reflect.Value, changed bool) {
	for i := range n {
		if v.Kind() == reflect.Struct && !v.Type().Field(i).IsExported() {
			continue
		}
		clean, differs := s.deep(part(v, i))
		if !differs {
			continue
		}
		if !changed {
			changed = true
			if v.Kind() == reflect.Slice {
				out = reflect.MakeSlice(v.Type(), n, n)
				reflect.Copy(out, v)
			} else {
				out = reflect.New(v.Type()).Elem()
				out.Set(v)
			}
		}
		part(out, i).Set(clean)
	}
	if !changed {
		return v, false
	}
	return out, true
}

// deepMap is a map without secrets.
func (s *Set) deepMap(v reflect.Value) (out reflect.Value, changed bool) {
	out = reflect.MakeMapWithSize(v.Type(), v.Len())
	for each := v.MapRange(); each.Next(); {
		name, a := s.deep(each.Key())
		value, b := s.deep(each.Value())
		changed = changed || a || b
		out.SetMapIndex(name, value)
	}
	if !changed {
		return v, false
	}
	return out, true
}

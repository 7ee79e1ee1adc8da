package conformance

import "fmt"

// A Verdict is what a probe showed. There is no yes or no: what cannot be decided is
// inconclusive, and what was not sent on purpose is skipped.
type Verdict uint8

const (
	Inconclusive Verdict = iota
	Pass
	Fail
	Skipped
)

func (v Verdict) String() string {
	switch v {
	case Inconclusive:
		return "inconclusive"
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	case Skipped:
		return "skipped"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText returns the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's name.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, w := range []Verdict{Inconclusive, Pass, Fail, Skipped} {
		if string(text) == w.String() {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a verdict: expected pass, fail, inconclusive or skipped", text)
}

// Expect is what the catalog says about a request.
type Expect uint8

const (
	Admit Expect = iota
	Refuse
)

func (e Expect) String() string {
	if e == Admit {
		return "admit"
	}
	return "refuse"
}

// MarshalText returns "admit" or "refuse".
func (e Expect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads "admit" or "refuse".
func (e *Expect) UnmarshalText(text []byte) error {
	for _, x := range []Expect{Admit, Refuse} {
		if string(text) == x.String() {
			*e = x
			return nil
		}
	}
	return fmt.Errorf("%.40q is not an expectation: expected admit or refuse", text)
}

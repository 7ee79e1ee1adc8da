package conformance

// NewLab is a lab without a run, for tests of what it can do.
func NewLab(p *Plan, t Target) *Lab { return newRunner(p, t, t.Limits.withDefaults(true)).lab }

// DigestOf is the digest of a body, for tests of what it holds.
func DigestOf(body []byte) Digest {
	a := &Answer{Status: 200, Body: body}
	return newHasher().digest(a, nil)
}

package conformance

import (
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/internal/redact"
)

// What a run knows, and judges by, is raw: a secret in a path is as good an id as another. Secrets
// are replaced where something leaves the run: in reports, journals and tapes. Placeholders keep
// apart what differed, so that a report which is read again is judged as the run was.

// publicWords are words of HTTP that evidence is full of. A short secret that is one of them is
// left alone there.
var publicWords = []string{"application/json", "application/problem+json", "text/html", "text/plain", "charset=utf-8", "no-store", "no-cache", "max-age",
	"must-revalidate", "private", "Bearer", "Basic", "realm", "nosniff", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "keep-alive", "chunked", "gzip"}

// learnAll makes the secrets of a run's credentials known before anything is sent. Words of the
// catalog and the profile are public.
func (r *runner) learnAll() {
	for name := range shownHeaders {
		r.secrets.Publish(name)
	}
	r.secrets.Publish(publicWords...)
	for i := range r.plan.Rows {
		r.secrets.Publish(r.plan.Rows[i].Path)
	}
	for _, p := range r.plan.Universe {
		r.secrets.Publish(string(p))
	}
	for i := range r.plan.Keys {
		r.secrets.Publish(r.plan.Keys[i].Name)
	}
	for i := range r.target.Credentials {
		if r.plan.Keys[i].Kind == BadMalformed {
			r.malformed = r.target.Credentials[i].Secret // a text that everybody may read
		}
	}
	for i := range r.target.Credentials {
		r.learn(&r.target.Credentials[i])
	}
	for _, m := range r.target.Marked {
		r.learn(&m.Credential)
	}
}

// learn makes the secrets of a credential known, and those of its tokens to come.
func (r *runner) learn(c *Credential) {
	if c.Secret != r.malformed {
		if c.KeySecret != c.Secret {
			r.secrets.Add(redact.Secret{Name: c.Env + "_SECRET", Value: c.KeySecret, User: c.KeyID})
		}
		if c.Tokens == nil || !c.Tokens.knows(c.Secret) {
			r.secrets.Add(redact.Secret{Name: c.Env, Value: c.Secret, User: c.KeyID})
		}
	}
	if c.Tokens != nil {
		c.Tokens.tell(func(token string) { r.secrets.Add(redact.Secret{Name: c.Env, Value: token, User: c.KeyID}) })
	}
	for i := range c.Below {
		r.learn(&c.Below[i].Credential)
	}
}

// learnShown makes known what one request shows. It may be nearly a secret: a short text that was
// made of one is a word.
func (r *runner) learnShown(c *Credential) {
	if len(c.Secret) >= redact.Long {
		r.learn(c)
	}
}

// withoutSecrets is the exchange as it may be written.
func (x Exchange) withoutSecrets(s *redact.Set) Exchange {
	x.Path, x.Reason = s.Text(x.Path), s.Text(x.Reason)
	x.Header = slices.Clone(x.Header)
	for i := range x.Header {
		x.Header[i] = s.Text(x.Header[i])
	}
	answered := make(map[string]string, len(x.Answered))
	for name, value := range x.Answered {
		answered[s.Text(name)] = s.Text(value)
	}
	if x.Answered != nil {
		x.Answered = answered
	}
	if x.Body.Paths != nil {
		paths := make(map[string][]string, len(x.Body.Paths))
		for name, values := range x.Body.Paths {
			paths[s.Text(name)] = values
		}
		x.Body.Paths = paths
	}
	return x
}

// withoutSecrets is the record as it may be written.
func (r Record) withoutSecrets(s *redact.Set) Record {
	r.Problem, r.Skipped = s.Text(r.Problem), s.Text(r.Skipped)
	r.Exchanges, r.Again = slices.Clone(r.Exchanges), slices.Clone(r.Again)
	for i := range r.Exchanges {
		r.Exchanges[i] = r.Exchanges[i].withoutSecrets(s)
	}
	for i := range r.Again {
		r.Again[i] = r.Again[i].withoutSecrets(s)
	}
	return redact.Deep(s, r)
}

// withoutSecrets is the observation as it may be written.
func (o Observation) withoutSecrets(s *redact.Set) Observation {
	o.Reason = s.Text(o.Reason)
	return o
}

// withoutSecrets is what was seen as it may be written.
func (a *Answers) withoutSecrets(s *redact.Set) *Answers {
	out := *a
	out.Observations, out.Records, out.Controls = slices.Clone(a.Observations), slices.Clone(a.Records), maps.Clone(a.Controls)
	for i := range out.Observations {
		out.Observations[i] = out.Observations[i].withoutSecrets(s)
	}
	for i := range out.Records {
		out.Records[i] = out.Records[i].withoutSecrets(s)
	}
	for i, c := range out.Controls {
		c.Reason = s.Text(c.Reason)
		out.Controls[i] = c
	}
	out.Cut = s.Text(a.Cut)
	return &out
}

// withoutSecrets is the report as it may be written. The verdicts are those of the raw answers;
// they are worked out again from what is left only to say their reasons as somebody does who
// reads the report.
func (r *Report) withoutSecrets() *Report {
	s := r.Secrets
	if s == nil {
		return r
	}
	out := *r
	answers := r.Answers.withoutSecrets(s)
	if again := Judge(r.Plan, answers); slices.Equal(again.Verdicts, r.Verdicts) {
		out.Result = again
	} else {
		result := *r.Result
		result.Answers, result.Reasons = answers, redact.Deep(s, r.Reasons)
		out.Result = &result
	}
	sent := *r.Sent
	sent.Build = s.Text(sent.Build)
	sent.Paths, sent.Left = eachText(sent.Paths, s.Text), eachText(sent.Left, s.Text)
	out.Sent = &sent
	out.Reproduce, out.Known, out.About = redact.Deep(s, r.Reproduce), redact.Deep(s, r.Known), redact.Deep(s, r.About)
	out.Credentials = slices.Clone(r.Credentials)
	for i := range out.Credentials {
		out.Credentials[i] = out.Credentials[i].withoutSecrets(s)
	}
	return &out
}

// withoutSecrets is the way to show a key, without what it shows.
func (c Credential) withoutSecrets(s *redact.Set) Credential {
	out := Credential{Header: c.Header, Query: c.Query, Scheme: c.Scheme, With: redact.Deep(s, c.With), KeyID: c.KeyID, Env: c.Env, EnvNote: redact.Deep(s, c.EnvNote)}
	for _, b := range c.Below {
		out.Below = append(out.Below, Below{b.Prefix, b.Credential.withoutSecrets(s)})
	}
	return out
}

// eachText is a list of texts, changed one by one.
func eachText(list []string, change func(string) string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = change(out[i])
	}
	return out
}

// before returns at most n bytes of a text without secrets: one that is cut in two could not be
// found any more.
func (h *hasher) before(n int, text string) string {
	if len(text) <= n {
		return text
	}
	if h.clean != nil {
		text = h.clean(text)
	}
	return strings.ToValidUTF8(text[:min(len(text), n)], "")
}

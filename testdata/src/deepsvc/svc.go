// Package deepsvc is a service as servers have them below their handlers. It knows
// nothing of HTTP.
package deepsvc

import (
	"context"
	"errors"
	"fmt"
)

// ErrRefused tells that a permission is missing.
var ErrRefused = errors.New("refused")

// PermRead is a permission of the catalog.
const PermRead = "Job:READ"

// Action has a number as its value: its name is the permission.
type Action int

// JobsAdmin is one.
const JobsAdmin Action = 3

// User holds permissions.
type User map[string]bool

// Can reports whether the user holds a permission.
func (u User) Can(p string) bool { return u[p] }

// May is as Can.
func (u User) May(a Action) bool { return u[fmt.Sprint(int(a))] }

// Admin reports whether the user may do all.
func (u User) Admin() bool { return u["all"] }

// From returns the user of a request.
func From(ctx context.Context) User { u, _ := ctx.Value("user").(User); return u }

// Check refuses who does not hold a permission.
func Check(ctx context.Context, p string) error {
	if !From(ctx).Can(p) {
		return ErrRefused
	}
	return nil
}

// Job is what the service has.
type Job struct{ Public bool }

// Service has jobs.
type Service struct {
	need string
	jobs map[string]*Job
}

// New returns a service that needs a permission of the caller's.
func New(need string) *Service { return &Service{need: need} }

func (s *Service) requireJobs(ctx context.Context) error { return s.require(ctx, "Job", "WRITE") }

func (s *Service) require(ctx context.Context, entity, verb string) error {
	if err := Check(ctx, entity+":"+verb); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	return nil
}

// Create checks itself.
func (s *Service) Create(ctx context.Context, name string) (*Job, error) {
	if name == "" {
		return nil, errors.New("no name")
	}
	if err := Check(ctx, "Job:WRITE"); err != nil {
		return nil, err
	}
	return s.jobs[name], nil
}

// Update checks by a helper that makes the permission of its arguments.
func (s *Service) Update(ctx context.Context) error {
	if err := s.requireJobs(ctx); err != nil {
		return err
	}
	s.jobs["x"] = nil
	return nil
}

// Read returns nothing to who may not.
func (s *Service) Read(ctx context.Context) *Job {
	if !From(ctx).Can(PermRead) {
		return nil
	}
	return s.jobs["x"]
}

// Quiet does nothing for who may not, and does not say so.
func (s *Service) Quiet(ctx context.Context) error {
	if !From(ctx).Can(PermRead) {
		return nil
	}
	s.jobs["x"] = nil
	return nil
}

// Sometimes checks some of its calls.
func (s *Service) Sometimes(ctx context.Context, j *Job) error {
	if !j.Public {
		if err := Check(ctx, PermRead); err != nil {
			return err
		}
	}
	return nil
}

// Early may be done before it checks.
func (s *Service) Early(ctx context.Context, j *Job) error {
	if j.Public {
		return nil
	}
	return Check(ctx, PermRead)
}

// Both needs both.
func (s *Service) Both(ctx context.Context) error {
	for _, p := range []string{PermRead, "Job:WRITE"} {
		if err := Check(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// EitherOf needs one.
func (s *Service) EitherOf(ctx context.Context) error {
	if u := From(ctx); !u.Can(PermRead) && !u.Can("Job:WRITE") {
		return ErrRefused
	}
	return nil
}

// Allowed needs one, by a loop.
func Allowed(u User) bool {
	for _, p := range []string{PermRead, "Job:WRITE"} {
		if u.Can(p) {
			return true
		}
	}
	return false
}

// AllowedInTurn needs one, one after the other.
func AllowedInTurn(u User) error {
	if u.Can(PermRead) {
		return nil
	}
	if u.Can("Job:WRITE") {
		return nil
	}
	return ErrRefused
}

// OrAdmin lets in who is no matter what.
func (s *Service) OrAdmin(ctx context.Context) error {
	u := From(ctx)
	if !u.Admin() && !u.Can(PermRead) {
		return ErrRefused
	}
	return nil
}

// Refused is true where it refuses.
func Refused(u User) bool {
	if u.Can(PermRead) {
		return false
	}
	return true
}

// IsRefused is the other way round.
func IsRefused(u User) bool {
	if !u.Can(PermRead) {
		return true
	}
	return false
}

// Numbered is given a number that has a name.
func Numbered(u User) bool { return u.May(JobsAdmin) }

// Field needs what the service was made with.
func (s *Service) Field(ctx context.Context) error { return Check(ctx, s.need) }

// Insert is given a word that is also a permission's.
func (s *Service) Insert(ctx context.Context) error {
	if err := s.table("jobs"); err != nil {
		return err
	}
	return nil
}

func (s *Service) table(name string) error { return errors.New(name) }

// Deeper is one call further.
func (s *Service) Deeper(ctx context.Context) error { return s.Update(ctx) }

// InTx checks in a function that it hands on.
func (s *Service) InTx(ctx context.Context) error {
	return s.tx(func() error {
		return Check(ctx, "Job:WRITE")
	})
}

func (s *Service) tx(f func() error) error { return f() }

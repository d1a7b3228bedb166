//! How far a person has come between the request and the consent.
//!
//! Each page carries the id of the step that it is; an id is good for one answer and for ten minutes after the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::request::AuthorizationRequest;
use super::side::Person;
use crate::environment::Clock;
use crate::sandbox::http::token::Unguessables;

/// Minutes from the request to the consent.
const MINUTES: i64 = 10;

/// How often a password or a code may be wrong.
pub const TRIES: u8 = 5;

/// What the next answer has to bring.
#[derive(Debug, Clone)]
pub enum Stage {
    /// User and password.
    Password,
    /// The one-time code of this person.
    Code(&'static Person),
    /// The decision of this person.
    Consent(&'static Person),
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Step {
    /// The request.
    pub request: AuthorizationRequest,
    /// What comes next.
    pub stage: Stage,
    /// Wrong answers so far at this stage.
    pub failures: u8,
    expires: DateTime<Utc>,
}

/// The requests of one side that are on their way.
pub struct Steps {
    clock: Arc<dyn Clock>,
    unguessables: Arc<Unguessables>,
    waiting: Mutex<HashMap<String, Step>>,
}

impl Steps {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>, unguessables: Arc<Unguessables>) -> Self {
        Self { clock, unguessables, waiting: Mutex::default() }
    }

    /// The first step of a request.
    pub fn first(&self, request: AuthorizationRequest) -> Step {
        let expires = self.clock.now() + TimeDelta::minutes(MINUTES);
        Step { request, stage: Stage::Password, failures: 0, expires }
    }

    /// Lets a step wait for its answer, and gives the id that the answer has to carry.
    pub fn wait(&self, step: Step) -> String {
        let now = self.clock.now();
        let id = format!("step-{}", self.unguessables.next());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, one| now < one.expires);
        waiting.insert(id.clone(), step);
        id
    }

    /// Takes the step with an id, which is used up with that.
    pub fn take(&self, id: &str) -> Option<Step> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(id).filter(|step| self.clock.now() < step.expires)
    }
}

impl Step {
    /// The next stage, with tries of its own.
    pub fn at(self, stage: Stage) -> Self {
        Self { stage, failures: 0, ..self }
    }

    /// The same stage after a wrong answer; `None` when that was the last try.
    pub fn again(self) -> Option<Self> {
        let failures = self.failures + 1;
        (failures < TRIES).then_some(Self { failures, ..self })
    }
}

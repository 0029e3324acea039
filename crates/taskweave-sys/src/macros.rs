//! Small macros shared by the modules: conditional `const fn`, thread locals of the chosen backend,
//! seeded mutations.

/// Declares a function that is `const` except under loom, whose atomics have no `const`
/// constructor.
#[macro_export]
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $visibility:vis fn $($rest:tt)*) => {
        #[cfg(not(taskweave_loom))]
        $(#[$meta])*
        $visibility const fn $($rest)*

        #[cfg(taskweave_loom)]
        $(#[$meta])*
        $visibility fn $($rest)*
    };
}

/// `std::thread_local!` of the backend in use: a model checker gives every modelled thread its own
/// value.
///
/// ```
/// taskweave_sys::thread_local! {
///     static DEPTH: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
/// }
/// DEPTH.with(|depth| depth.set(depth.get() + 1));
/// ```
#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
#[macro_export]
macro_rules! thread_local {
    ($($tokens:tt)*) => { ::std::thread_local! { $($tokens)* } };
}

/// `std::thread_local!` of the backend in use: a model checker gives every modelled thread its own
/// value.
#[cfg(taskweave_loom)]
#[macro_export]
macro_rules! thread_local {
    () => {};
    ($(#[$meta:meta])* $visibility:vis static $name:ident: $type:ty = const $init:block; $($rest:tt)*) => {
        $crate::__private::loom::thread_local! { $(#[$meta])* $visibility static $name: $type = $init; }
        $crate::thread_local! { $($rest)* }
    };
    ($(#[$meta:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr; $($rest:tt)*) => {
        $crate::__private::loom::thread_local! { $(#[$meta])* $visibility static $name: $type = $init; }
        $crate::thread_local! { $($rest)* }
    };
}

/// `std::thread_local!` of the backend in use: a model checker gives every modelled thread its own
/// value.
#[cfg(all(taskweave_shuttle, not(taskweave_loom)))]
#[macro_export]
macro_rules! thread_local {
    ($($tokens:tt)*) => { $crate::__private::shuttle::thread_local! { $($tokens)* } };
}

/// A static whose value a model checker makes anew for each execution. Reached by method calls, as a model's static is a reference to one.
///
/// ```
/// use taskweave_sys::sync::Mutex;
/// taskweave_sys::shared_static! {
///     static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// }
/// NAMES.lock().unwrap().push("one".to_owned());
/// ```
#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
#[macro_export]
macro_rules! shared_static {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $(#[$meta])* static $name: $type = $init;
    };
}

/// A static whose value a model checker makes anew for each execution.
#[cfg(taskweave_loom)]
#[macro_export]
macro_rules! shared_static {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $crate::__private::loom::lazy_static! { $(#[$meta])* static ref $name: $type = $init; }
    };
}

/// A static whose value a model checker makes anew for each execution.
#[cfg(all(taskweave_shuttle, not(taskweave_loom)))]
#[macro_export]
macro_rules! shared_static {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $crate::__private::shuttle::lazy_static! { $(#[$meta])* static ref $name: $type = $init; }
    };
}

/// Whether the run was seeded with the named fault, which a model must then find (see
/// `mutations.sh`). In builds that aren't models it's the constant `false`.
#[doc(hidden)]
#[macro_export]
macro_rules! mutated {
    ($name:literal) => {
        cfg!(taskweave_loom) && $crate::is_seeded($name)
    };
}

/// Whether `TASKWEAVE_FAULT` names this fault: asked at run time, so that one build serves all of them.
#[doc(hidden)]
pub fn is_seeded(name: &str) -> bool {
    static FAULT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let fault = FAULT.get_or_init(|| std::env::var("TASKWEAVE_FAULT").ok());
    fault.as_deref() == Some(name)
}

/// The given ordering, or `Relaxed` in a run seeded with the named fault.
#[doc(hidden)]
#[macro_export]
macro_rules! ordering {
    ($ordering:ident, $name:literal) => {
        if $crate::mutated!($name) {
            $crate::sync::atomic::Ordering::Relaxed
        } else {
            $crate::sync::atomic::Ordering::$ordering
        }
    };
}

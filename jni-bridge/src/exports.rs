//! The border: what the JVM calls, in the JVM's own words. Each native decodes, asks another room, and
//! encodes; failures and panics become exceptions in one place, [`native`].

#![allow(
    unsafe_code,
    reason = "the JVM loads this by a symbol, and is given addresses of functions"
)]

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use consent::{Consent, Context, DataItem, Decision};
use jni::objects::{JClass, JIntArray, JLongArray, JObjectArray, JString};
use jni::strings::JNIStr;
use jni::sys::{JNI_VERSION_1_8, jclass, jint};
use jni::{Env, EnvUnowned, JavaVM, NativeMethod, jni_sig, jni_str};

use crate::check::{self, handle};
use crate::events::Event;
use crate::failure::{Failure, Throw};
use crate::opened::{self, find};

/// The most items of one check (the contract's limit).
const MAX_ITEMS: usize = 256;

type Result<T> = std::result::Result<T, Failure>;
type Strings<'local> = JObjectArray<'local, JString<'local>>;

/// Called by the JVM when it loads the library: gives it the natives' addresses.
#[unsafe(no_mangle)]
pub extern "system" fn JNI_OnLoad(vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) -> jint {
    // SAFETY: the JVM passes its own JavaVM, which lives as long as it does.
    let vm = unsafe { JavaVM::from_raw(vm) };
    let register = || vm.attach_current_thread(|env| -> Result<()> { register(env) });
    // A JVM that gets no version refuses the library, and says so.
    match catch_unwind(AssertUnwindSafe(register)) {
        Ok(Ok(())) => JNI_VERSION_1_8,
        Ok(Err(_)) | Err(_) => 0,
    }
}

fn register(env: &mut Env<'_>) -> Result<()> {
    let critical = is_art(env)?;
    // What ART calls without a JNIEnv, HotSpot calls with one; the work is the same.
    let check0 = if critical { check0_critical as *mut c_void } else { check0 as *mut c_void };
    let natives: [(&JNIStr, &JNIStr, *mut c_void); 15] = [
        (jni_str!("check0"), jni_str!("(III)I"), check0),
        (jni_str!("call0"), jni_str!("(III)I"), call0 as *mut c_void),
        (jni_str!("open0"), jni_str!("(Ljava/lang/String;)I"), open0 as *mut c_void),
        (jni_str!("fromGate0"), jni_str!("(IIII)I"), from_gate0 as *mut c_void),
        (jni_str!("purpose0"), jni_str!("(ILjava/lang/String;)I"), purpose0 as *mut c_void),
        (jni_str!("data0"), jni_str!("(ILjava/lang/String;)I"), data0 as *mut c_void),
        (jni_str!("checkAll0"), jni_str!("(II[I)[I"), check_all0 as *mut c_void),
        (
            jni_str!("checkWith0"),
            jni_str!("(II[I[Ljava/lang/String;)[I"),
            check_with0 as *mut c_void,
        ),
        (jni_str!("whoAmI0"), jni_str!("(I)[Ljava/lang/String;"), who_am_i0 as *mut c_void),
        (jni_str!("request0"), jni_str!("(III[I[Ljava/lang/String;)V"), request0 as *mut c_void),
        (jni_str!("cancel0"), jni_str!("(II)V"), cancel0 as *mut c_void),
        (jni_str!("listen0"), jni_str!("(I)V"), listen0 as *mut c_void),
        (jni_str!("next0"), jni_str!("(I)[J"), next0 as *mut c_void),
        (jni_str!("failure0"), jni_str!("(II)V"), failure0 as *mut c_void),
        (jni_str!("close0"), jni_str!("(I)V"), close0 as *mut c_void),
    ];
    // SAFETY: each function has the arguments and the result that its signature says, after the JNIEnv
    // and the class, which `check0_critical` goes without where ART calls it.
    let natives = natives.map(|(name, signature, function)| unsafe {
        NativeMethod::from_raw_parts(name, signature, function)
    });
    let class = env.find_class(jni_str!("org/consentd/Native"))?;
    // SAFETY: as above; `Native` declares them static.
    unsafe { env.register_native_methods(class, &natives)? };
    Ok(())
}

/// Whether the VM honours `@CriticalNative`: Android's does since version 8.
fn is_art(env: &mut Env<'_>) -> Result<bool> {
    let key = env.new_string("java.vm.name")?;
    let name = env
        .call_static_method(
            jni_str!("java/lang/System"),
            jni_str!("getProperty"),
            jni_sig!("(Ljava/lang/String;)Ljava/lang/String;"),
            &[(&key).into()],
        )?
        .l()?;
    let name = env.cast_local::<JString>(name)?;
    Ok(name.try_to_string(env)? == "Dalvik")
}

/// The hot path as HotSpot calls it.
extern "system" fn check0(
    _env: *mut jni::sys::JNIEnv,
    _class: jclass,
    consent: jint,
    purpose: jint,
    data: jint,
) -> jint {
    check::check(consent, purpose, data)
}

/// The hot path as ART calls it.
extern "system" fn check0_critical(consent: jint, purpose: jint, data: jint) -> jint {
    check::check(consent, purpose, data)
}

/// Runs a native: what fails or panics is thrown, and Java does not see the value that is returned then.
pub(crate) fn native<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    body: impl FnOnce(&mut Env<'local>) -> Result<T>,
) -> T {
    env.with_env(body).resolve::<Throw>()
}

extern "system" fn call0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    purpose: jint,
    data: jint,
) -> jint {
    native(env, |_env| {
        // A check denies where everything else throws.
        let decision = find(consent).map_or(Decision::UNAVAILABLE, |opened| {
            opened.consent.check(handle::purpose(purpose), handle::data(data))
        });
        Ok(check::bits(decision))
    })
}

extern "system" fn open0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    address: JString<'local>,
) -> jint {
    native(env, |env| {
        let consent = if address.is_null() {
            Consent::open()?
        } else {
            Consent::open_at(&address.try_to_string(env)?)?
        };
        opened::add(consent)
    })
}

extern "system" fn from_gate0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    page: jint,
    usage: jint,
    alive: jint,
    line: jint,
) -> jint {
    native(env, |_env| {
        let numbers = [page, usage, alive, line];
        let apart = numbers.iter().collect::<BTreeSet<_>>().len() == numbers.len();
        if !apart || !numbers.iter().all(|number| is_open(*number)) {
            return Err(Failure::Argument("a gate is four open descriptors; give one of each"));
        }
        // SAFETY: four different descriptors, open, which Java gave away: `fromGate` says that it does,
        // and it has no means to close them but the objects that it detached them from.
        let [page, usage, alive, line] =
            numbers.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
        opened::add(Consent::from_gate(page, usage, alive, line)?)
    })
}

/// Whether this process has a descriptor of this number.
fn is_open(number: jint) -> bool {
    number >= 0 && Path::new(&format!("/proc/self/fd/{number}")).exists()
}

extern "system" fn purpose0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    id: JString<'local>,
) -> jint {
    native(env, |env| {
        let purpose = find(consent)?.consent.purpose(&id.try_to_string(env)?)?;
        Ok(purpose.number().cast_signed())
    })
}

extern "system" fn data0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    id: JString<'local>,
) -> jint {
    native(env, |env| {
        let data = find(consent)?.consent.data(&id.try_to_string(env)?)?;
        Ok(data.number().cast_signed())
    })
}

extern "system" fn check_all0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    purpose: jint,
    data: JIntArray<'local>,
) -> JIntArray<'local> {
    native(env, |env| {
        let opened = find(consent)?;
        let data = items(env, &data)?;
        encode(env, &opened.consent.check_all(handle::purpose(purpose), &data))
    })
}

extern "system" fn check_with0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    purpose: jint,
    data: JIntArray<'local>,
    context: Strings<'local>,
) -> JIntArray<'local> {
    native(env, |env| {
        let opened = find(consent)?;
        let (data, context) = (items(env, &data)?, self::context(env, &context)?);
        let decisions = opened.consent.check_with(handle::purpose(purpose), &data, &context)?;
        encode(env, &decisions)
    })
}

extern "system" fn who_am_i0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
) -> Strings<'local> {
    native(env, |env| {
        let caller = find(consent)?.consent.whoami()?;
        let words: Vec<String> = caller.into_iter().flat_map(|(key, value)| [key, value]).collect();
        let array = Strings::new(env, words.len(), JString::null())?;
        for (at, word) in words.iter().enumerate() {
            let word = env.new_string(word)?;
            array.set_element(env, at, &word)?;
            env.delete_local_ref(word);
        }
        Ok(array)
    })
}

extern "system" fn request0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    request: jint,
    purpose: jint,
    data: JIntArray<'local>,
    context: Strings<'local>,
) {
    native(env, |env| {
        let opened = find(consent)?;
        let (data, context) = (items(env, &data)?, self::context(env, &context)?);
        opened.events.request(request, handle::purpose(purpose), &data, &context);
        Ok(())
    });
}

extern "system" fn cancel0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    request: jint,
) {
    native(env, |_env| {
        // Of one that is closed nothing waits any more.
        if let Ok(opened) = find(consent) {
            opened.events.cancel(request);
        }
        Ok(())
    });
}

extern "system" fn listen0<'local>(env: EnvUnowned<'local>, _class: JClass<'local>, consent: jint) {
    native(env, |_env| find(consent)?.events.listen());
}

extern "system" fn next0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
) -> JLongArray<'local> {
    native(env, |env| {
        let opened = find(consent)?;
        let numbers = match opened.events.next()? {
            None => return Ok(JLongArray::null()),
            Some(Event::Changed(generation)) => vec![0, generation.cast_signed()],
            Some(Event::Answered(request, decisions)) => [1, i64::from(request)]
                .into_iter()
                .chain(decisions.into_iter().map(check::bits).map(i64::from))
                .collect(),
            Some(Event::Failed(request)) => vec![2, i64::from(request)],
        };
        let array = env.new_long_array(numbers.len())?;
        array.set_region(env, 0, &numbers)?;
        Ok(array)
    })
}

extern "system" fn failure0<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    consent: jint,
    request: jint,
) {
    native(env, |_env| {
        find(consent)?.events.take_failure(request).map_or(Ok(()), |e| Err(e.into()))
    });
}

extern "system" fn close0<'local>(env: EnvUnowned<'local>, _class: JClass<'local>, consent: jint) {
    native(env, |_env| {
        opened::close(consent);
        Ok(())
    });
}

fn encode<'local>(env: &mut Env<'local>, decisions: &[Decision]) -> Result<JIntArray<'local>> {
    let numbers: Vec<jint> = decisions.iter().copied().map(check::bits).collect();
    let array = env.new_int_array(numbers.len())?;
    array.set_region(env, 0, &numbers)?;
    Ok(array)
}

/// The items of a question: what the contract says of them holds before anything is asked.
fn items(env: &mut Env<'_>, data: &JIntArray<'_>) -> Result<Vec<DataItem>> {
    let count = data.len(env)?;
    if count == 0 {
        return Err(Failure::Argument("no data item is named; name at least one"));
    }
    if count > MAX_ITEMS {
        return Err(Failure::Argument("more than 256 data items; ask in several checks"));
    }
    let mut numbers = vec![0; count];
    data.get_region(env, 0, &mut numbers)?;
    if numbers.iter().collect::<BTreeSet<_>>().len() < count {
        return Err(Failure::Argument("a data item is named twice; name each once"));
    }
    Ok(numbers.into_iter().map(handle::data).collect())
}

/// `org.consentd.Context`'s parts, in its order.
fn context(env: &mut Env<'_>, parts: &Strings<'_>) -> Result<Context> {
    let mut texts = [const { None }; 6];
    for (at, text) in texts.iter_mut().enumerate() {
        let part = parts.get_element(env, at)?;
        if !part.is_null() {
            *text = Some(part.try_to_string(env)?);
            env.delete_local_ref(part);
        }
    }
    let [recipient, destination, secure, deidentified, tag, deadline] = texts;
    let mut context = Context::new();
    if let Some(recipient) = recipient {
        context = context.recipient(recipient);
    }
    if let Some(country) = destination {
        context = context.destination(country);
    }
    if let Some(secure) = secure {
        context = context.secure(secure == "true");
    }
    if let Some(deidentified) = deidentified {
        context = context.deidentified(deidentified == "true");
    }
    if let Some(tag) = tag {
        context = context.tag(tag);
    }
    if let Some(deadline) = deadline {
        let seconds = deadline.parse();
        let seconds =
            seconds.map_err(|_| Failure::Argument("the deadline is no number of seconds"))?;
        context = context.deadline(Duration::from_secs(seconds));
    }
    Ok(context)
}

//! Who served when a press was given: found by the press time, corrected by late reports.

use proto::device::v1::{
    ShiftEventRequest, SignInRequest, shift_service_client::ShiftServiceClient,
};

use super::*;

struct Desk<'a> {
    world: &'a World,
    token: String,
    window: String,
}

impl<'a> Desk<'a> {
    async fn new(world: &'a World) -> Self {
        let unit = world.org.root;
        let token = world.org.client(unit, &[Permission::ShiftWrite], None).await;
        Self { world, token, window: names::print("units", world.org.windows[0]) }
    }

    async fn sign_in(&self, staff: usize, us: i64) {
        let request = SignInRequest {
            event_id: Uuid::now_v7().to_string(),
            window: self.window.clone(),
            staff_number: (1001 + staff).to_string(),
            event_time: Some(time::from_us(us)),
        };
        let mut client = ShiftServiceClient::new(self.world.chan.clone());
        client.sign_in(bearer(request, &self.token)).await.unwrap();
    }

    async fn sign_out(&self, us: i64) {
        let request = ShiftEventRequest {
            event_id: Uuid::now_v7().to_string(),
            window: self.window.clone(),
            event_time: Some(time::from_us(us)),
        };
        let mut client = ShiftServiceClient::new(self.world.chan.clone());
        client.sign_out(bearer(request, &self.token)).await.unwrap();
    }

    /// Who is credited, in the order of the presses.
    async fn credited(&self) -> Vec<Option<usize>> {
        let mut stored = self.world.stored().await;
        stored.sort_by_key(|rating| rating.press_us);
        let number = |id| self.world.org.staff.iter().position(|s| *s == id);
        stored.iter().map(|rating| rating.staff.and_then(number)).collect()
    }
}

#[tokio::test]
async fn a_press_is_credited_to_whoever_was_signed_in_then() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let desk = Desk::new(&world).await;
        desk.sign_in(0, NOW - 50 * MINUTE).await;
        desk.sign_in(1, NOW - 30 * MINUTE).await;
        desk.sign_out(NOW - 20 * MINUTE).await;
        // 55, 40, 30, 25 and 10 minutes ago.
        world.send(&token, messages([5, 20, 30, 35, 50])).await;
        let want = [None, Some(0), Some(1), Some(1), None];
        assert_eq!(desk.credited().await, want, "{}", world.name);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn late_sign_ins_credit_stored_ratings_anew() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let desk = Desk::new(&world).await;
        world.send(&token, messages([5, 20, 35, 50])).await;
        assert_eq!(desk.credited().await, [None; 4]);
        desk.sign_in(1, NOW - 45 * MINUTE).await;
        assert_eq!(desk.credited().await, [None, Some(1), Some(1), Some(1)], "{}", world.name);
        desk.sign_in(2, NOW - 30 * MINUTE).await;
        assert_eq!(desk.credited().await, [None, Some(1), Some(2), Some(2)]);
        desk.sign_out(NOW - 20 * MINUTE).await;
        assert_eq!(desk.credited().await, [None, Some(1), Some(2), None]);
        world.check_feed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ratings_and_shifts_that_race_end_up_consistent() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let desk = Desk::new(&world).await;
        let sending = async {
            for step in 0..20 {
                world.send(&token, messages([step * 2 + 1, step * 2 + 2])).await;
            }
        };
        let signing = async {
            for step in 0..10 {
                desk.sign_in((step % 4) as usize, NOW - HOUR + step * 4 * MINUTE).await;
            }
        };
        tokio::join!(sending, signing);
        // Presses at minutes 1 to 40, sign-ins at minutes 0, 4, 8 …
        let want: Vec<Option<usize>> =
            (1..=40_usize).map(|minute| Some((minute / 4).min(9) % 4)).collect();
        assert_eq!(desk.credited().await, want, "{}", world.name);
        world.check_feed().await;
    }
}
